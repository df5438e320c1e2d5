"""Parts of the documentation site that MkDocs has no setting for."""
