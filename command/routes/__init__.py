"""The write side's endpoints, one module per resource."""

from starlette.routing import BaseRoute

from command.routes import bookings, hotels, inventory, rooming, rooms


def routes() -> list[BaseRoute]:
    """All of them, the busiest first. They go into the application's own list: each router in between costs a match."""
    routers = (bookings.router, rooming.router, hotels.router, inventory.router, rooms.router)
    return [route for router in routers for route in router.routes]
