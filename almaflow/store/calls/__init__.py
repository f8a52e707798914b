"""The methods of the store, one module for each concern; `Store` puts them together."""
