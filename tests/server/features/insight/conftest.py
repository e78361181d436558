from tests.server.features.rooms.conftest import scene

__all__ = ["scene"]
