from tests.server.features.posts.conftest import board

__all__ = ["board"]
