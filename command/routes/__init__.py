"""The write side's endpoints, one module per resource."""

from starlette.routing import BaseRoute

from command.routes import bookings, hotels


def routes() -> list[BaseRoute]:
    """All of them, the busiest first. They go into the application's own list: each router in between costs a match."""
    return [*bookings.router.routes, *hotels.router.routes]
