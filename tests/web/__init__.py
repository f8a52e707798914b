"""The web page, without a socket: starlette's test client speaks to the application."""
