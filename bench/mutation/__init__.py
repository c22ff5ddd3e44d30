"""Random changes of the engine, and who notices them: docs/mutation.md.

The process that runs it never loads the engine: children import it from changed copies.
"""
