"""The project: settings, urls and the ASGI application."""
