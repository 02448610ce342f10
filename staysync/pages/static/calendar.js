// The live calendar of the front page: asks the public calendar again every few seconds and marks what changed.
"use strict";

const REFRESH_MS = 4000;
const DAYS = 14;
const DAY_MS = 86400000;

const picker = document.getElementById("hotel");
const table = document.getElementById("calendar");
const range = document.getElementById("range");
let offset = 0;
let base = null;
let known = new Map();
let showing = 0;

const asDate = (text) => new Date(text + "T00:00:00Z");
const asText = (date) => date.toISOString().slice(0, 10);
const plus = (text, days) => asText(new Date(asDate(text).getTime() + days * DAY_MS));
const words = (text, options) => asDate(text).toLocaleDateString(undefined, { timeZone: "UTC", ...options });

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function message(text) {
  table.replaceChildren(element("tbody"));
  const cell = element("td", text, "message");
  table.firstChild.append(element("tr"));
  table.firstChild.firstChild.append(cell);
}

function price(money) {
  const amount = Number(money.amount);
  const digits = Number.isInteger(amount) ? 0 : 2;
  return new Intl.NumberFormat(undefined, { style: "currency", currency: money.currency,
    minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount);
}

function nightCell(code, night) {
  const closed = night.restrictions.stop_sell;
  const free = closed ? 0 : night.free;
  const kind = free === 0 ? "none" : free <= Math.max(1, night.in_service / 5) ? "few" : "free";
  const cell = element("td", undefined, kind);
  cell.append(element("b", closed ? "–" : String(night.free)), element("small", price(night.price)));
  cell.title = `${code}, ${night.date}: ${night.free} of ${night.in_service} free`;
  const key = `${picker.value} ${code} ${night.date}`;
  if (known.has(key) && known.get(key) !== night.free) cell.classList.add("changed");
  known.set(key, night.free);
  return cell;
}

function draw(calendar) {
  const dates = [];
  for (let day = calendar.from; day < calendar.to; day = plus(day, 1)) dates.push(day);
  const head = element("thead");
  const top = element("tr");
  const corner = element("th", "Room type");
  corner.scope = "col";
  top.append(corner);
  for (const day of dates) {
    const weekend = [0, 6].includes(asDate(day).getUTCDay());
    const cell = element("th", words(day, { weekday: "short" }), weekend ? "weekend" : "");
    cell.scope = "col";
    cell.append(element("small", words(day, { day: "numeric", month: "short" })));
    top.append(cell);
  }
  head.append(top);
  const body = element("tbody");
  for (const type of calendar.room_types) {
    const row = element("tr");
    const name = element("th", type.name);
    name.scope = "row";
    name.append(element("small", type.code));
    row.append(name);
    const nights = new Map(type.nights.map((night) => [night.date, night]));
    for (const day of dates) row.append(nights.has(day) ? nightCell(type.code, nights.get(day)) : element("td", "·"));
    body.append(row);
  }
  table.replaceChildren(head, body);
  range.textContent = `${words(calendar.from, { day: "numeric", month: "long" })} to ` +
    words(plus(calendar.to, -1), { day: "numeric", month: "long", year: "numeric" });
}

async function show() {
  if (!picker.value) return;
  const mine = ++showing;
  const from = base === null ? "" : `?from=${plus(base, offset)}&to=${plus(base, offset + DAYS)}`;
  let answer;
  try {
    answer = await fetch(`/v1/hotels/${encodeURIComponent(picker.value)}/calendar${from}`);
  } catch {
    if (mine === showing) range.textContent = "The service can't be reached; trying again …";
    return;
  }
  if (mine !== showing) return;
  if (!answer.ok) {
    range.textContent = "The calendar can't be read right now; trying again …";
    return;
  }
  const calendar = await answer.json();
  if (mine !== showing) return;
  if (base === null) base = calendar.from;
  if (calendar.room_types.length === 0) message("This hotel has no room types yet.");
  else draw(calendar);
}

function move(days) {
  offset = days === 0 ? 0 : Math.max(offset + days, 0);
  show();
}

async function start() {
  if (picker === null) return;
  document.getElementById("earlier").addEventListener("click", () => move(-7));
  document.getElementById("today").addEventListener("click", () => move(0));
  document.getElementById("later").addEventListener("click", () => move(7));
  picker.addEventListener("change", () => { base = null; offset = 0; known = new Map(); show(); });
  await show();
  setInterval(() => { if (!document.hidden) show(); }, REFRESH_MS);
}

// Browsers give the clipboard to secure origins only (HTTPS, or this machine): elsewhere there are no buttons.
for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  button.classList.remove("hidden");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

start();
