"""The catcher over HTTP: a list of mails, and each as text, as HTML without any right, and as it came."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from staysync.catcher.box import Box, Caught

_PAGE_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; frame-ancestors 'none'"
# A mail is a stranger's page: no script, no form, no other address, an origin of its own.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
_REFRESH_S = 5


def pages_of(box: Box) -> Starlette:
    """The catcher's application. Asked by other names than this machine's it doesn't answer, as rebinding would."""
    templates = Environment(loader=PackageLoader("staysync.catcher", "templates"), autoescape=True)

    def page(name: str, **facts: object) -> Response:
        text = templates.get_template(name).render(**facts)
        return HTMLResponse(text, headers={"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-store"})

    def asked_for(request: Request) -> Caught:
        caught = box.find(request.path_params["number"])
        if caught is None:
            raise HTTPException(404, "This mail isn't kept any more.")
        return caught

    async def index(request: Request) -> Response:
        del request
        return page("index.html.jinja", mails=list(box.newest_first()), refresh_s=_REFRESH_S)

    async def mail(request: Request) -> Response:
        return page("mail.html.jinja", mail=asked_for(request))

    async def as_html(request: Request) -> Response:
        body = asked_for(request).body("html") or ""
        return HTMLResponse(body, headers={"Content-Security-Policy": _MAIL_POLICY, "Cache-Control": "no-store"})

    async def source(request: Request) -> Response:
        return PlainTextResponse(asked_for(request).source.decode("utf-8", "replace"))

    async def attachment(request: Request) -> Response:
        attached = asked_for(request).attachments()
        number = request.path_params["attachment"]
        if number >= len(attached):
            raise HTTPException(404, "The mail has no such file.")
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return Response(attached[number].content, media_type=attached[number].media_type, headers=headers)

    async def style(request: Request) -> Response:
        del request
        return Response((files("staysync.catcher") / "catcher.css").read_bytes(), media_type="text/css")

    return Starlette(
        routes=[
            Route("/", index),
            Route("/catcher.css", style),
            Route("/{number:int}", mail),
            Route("/{number:int}/html", as_html),
            Route("/{number:int}/source", source),
            Route("/{number:int}/attachments/{attachment:int}", attachment),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )
