"""Reports over HTTP: one endpoint for all that the table of reports has, as JSON or CSV."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from identity.http import permitted
from identity.permissions import needs
from query.answers import answer
from query.as_of import AsOf, moment
from query.fields import Date
from query.hotels import utc_now
from query.positions import MinPosition, wait_for
from query.reports.answering import Answer, Asked, answered, as_csv, report_named
from query.reports.csv_text import prefers_csv
from query.reports.registry import REPORTS, Grouping
from query.side import query_of

router = APIRouter(prefix="/v1", tags=["reports"])


class ReportParameters(AsOf):
    """Which dates, half open, grouped by what, and as of when."""

    first: Date | None = Field(
        default=None, alias="from", description="Absent: by report, around the hotel's business date."
    )
    until: Date | None = Field(default=None, alias="to", description="Exclusive. Absent: by report.")
    group_by: Grouping | None = Field(
        default=None, description="What a row is about. Which are possible depends on the report."
    )
    format: Literal["json", "csv"] | None = Field(default=None, description="Absent: what Accept prefers.")


@router.get(
    "/hotels/{hotel_id}/reports/{name}",
    response_model=Answer,
    responses={
        200: {
            "description": "The report. As CSV it has a header row, and the currency in the last column.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        404: {"description": "There is no such hotel or report."},
    },
    summary="A report",
    **needs("reports.read"),
)
async def get_report(
    request: Request,
    hotel_id: UUID,
    name: Annotated[str, Path(examples=["occupancy"], description=f"One of {', '.join(REPORTS)}.")],
    parameters: Annotated[ReportParameters, Query()],
    min_position: MinPosition = None,
) -> Response:
    """Figures of a hotel by date, room type or channel, or a list of stays; each is defined in docs/reports.md.

    Arrivals, departures and in-house are for every member; figures for revenue managers, managers and auditors.
    """
    known = REPORTS.get(name)
    await permitted(request, hotel_id, also=None if known is None or known.is_list else "reports.figures")
    report = report_named(name)
    side = query_of(request)
    await wait_for(side, min_position)
    asked = Asked(
        first=parameters.first,
        until=parameters.until,
        group_by=parameters.group_by,
        when=parameters,
        then=await moment(side, hotel_id, parameters),
    )
    async with side.session() as session:
        found = await answered(session, hotel_id, report, asked, utc_now())
    headers = {"Vary": "Accept"}
    if parameters.format == "csv" or (parameters.format is None and prefers_csv(request.headers.get("accept", ""))):
        # The file's name is made of the table's own names and dates, so nothing in it needs quoting.
        file = f"{report.name}-{found.first}-{found.until}.csv"
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return Response(as_csv(report, found), media_type="text/csv; charset=utf-8", headers=headers)
    return answer(found, headers)
