"""The write side's endpoints, one module per resource."""

from fastapi import APIRouter

from command.routes import bookings, hotels

router = APIRouter()
router.include_router(hotels.router)
router.include_router(bookings.router)
