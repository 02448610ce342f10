// Starts Swagger UI. Writes that are signed in by cookie must echo the CSRF cookie, so every request carries it.
"use strict";

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(name + "="));
  return found === undefined ? null : decodeURIComponent(found.slice(name.length + 1));
}

window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor(request) {
    const token = cookie("__Host-staysync_csrf") ?? cookie("staysync_csrf"); // the first one behind HTTPS
    const own = new URL(request.url, location.href).origin === location.origin;
    if (token !== null && own) request.headers["X-CSRF-Token"] = token;
    return request;
  },
});
