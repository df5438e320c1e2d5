"""Record the gameplay clips of the demo and of the development set from free games."""
