// Where the links of account mails lead: verifying an e-mail, choosing another password. The token stands behind the #,
// which browsers send to no server; it leaves the address bar at once, so that no history keeps it.
"use strict";

const [, kind, token] = location.hash.match(/^#(verify_email|reset_password)=([A-Za-z0-9_-]+)$/) ?? [];
history.replaceState(null, "", location.pathname);

async function send(path, body, headers = {}) {
  const answer = await fetch(path, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const said = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? said.title);
  return said;
}

async function verify(fields) {
  const signedIn = await send("/v1/auth/login", { email: fields.get("email"), password: fields.get("password") });
  await send("/v1/auth/verify-email", { token }, { Authorization: `Bearer ${signedIn.access_token}` });
  return "Your e-mail address is verified.";
}

async function reset(fields) {
  await send("/v1/auth/reset-password", { token, password: fields.get("password") });
  return "Your password is changed. All sessions have ended; sign in with the new one.";
}

function use(form, work) {
  form.classList.remove("hidden");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("[role=status]");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      said.textContent = await work(new FormData(form));
    } catch (error) {
      said.textContent = error.message;
      button.disabled = false;
    }
  });
}

if (kind === "verify_email") use(document.getElementById("verify"), verify);
else if (kind === "reset_password") use(document.getElementById("reset"), reset);
else document.getElementById("nothing").classList.remove("hidden");
