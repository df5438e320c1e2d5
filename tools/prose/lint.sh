#!/bin/sh
# Look for phrases that nobody would say in the docs and in the code; tools/prose/phrases.yml lists them.
# Not checked: the list itself, recorded data, and the panel's build.
set -eu
cd "$(dirname "$0")/../.."
if [ "$#" -eq 0 ]; then
    # Tracked files that exist, so that a file that was just deleted is no error.
    set -- $(git ls-files --cached --others --exclude-standard \
        '*.md' '*.py' '*.html' '*.js' '*.ts' '*.tsx' '*.sh' '*.toml' '*.yaml' '*.yml' '*.example' Dockerfile \
        ':!tools/prose' ':!tools/record' ':!service/dejabug/bug_labels.toml' ':!service/dejabug/demo/clips' \
        ':!deploy/pins' ':!plugin/panel/dist' | while read -r file; do [ -f "$file" ] && echo "$file"; done)
fi
exec tools/prose/node_modules/.bin/textlint --config tools/prose/textlintrc.json --format unix "$@"
