"""Pictures of the documentation, drawn from what is measured or from how learners work."""
