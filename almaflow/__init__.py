"""almaflow runs library jobs in Ex Libris Alma from YAML files kept in git."""

__version__ = "0.1.0"
