"""The object store: objects that are replaced whole or not at all, in a folder or in a bucket."""
