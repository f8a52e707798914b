"""almaflow runs library jobs in Ex Libris Alma from YAML files kept in git."""
