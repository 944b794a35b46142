// Keeps the channel up to date: asks every two seconds, is answered "not modified" while nothing changes,
// and replaces only the messages that did change, so that open threads, focus and scrolling stay as they are.
import { showDates } from "./dates.js";

const INTERVAL = 2000;
const channel = document.body.dataset.channel;
const list = document.getElementById("messages");
const state = document.getElementById("state");
let version = document.body.dataset.version;

let following = true; // as long as the reader is at the end, new messages and late pictures keep the end in view

const toEnd = () => { if (following) list.scrollTop = list.scrollHeight; };

function localTimes(root) {
  for (const time of root.querySelectorAll("time:not([data-format])")) {
    const moment = new Date(time.dateTime);
    time.textContent = moment.toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
    time.title = moment.toLocaleString();
  }
}

function days() {
  list.querySelectorAll(".day").forEach((day) => day.remove());
  let previous = "";
  for (const message of list.querySelectorAll("article")) {
    const date = new Date(message.querySelector("time").dateTime);
    const key = date.toDateString();
    if (key === previous) continue;
    previous = key;
    const day = document.createElement("div");
    day.className = "day";
    const label = document.createElement("span");
    label.textContent = key === new Date().toDateString()
      ? "Today" : date.toLocaleDateString([], { weekday: "long", month: "long", day: "numeric" });
    day.append(label);
    message.before(day);
  }
}

function replace(html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const wanted = [...fresh.content.children];
  const names = new Set(wanted.map((one) => one.id));
  for (const old of [...list.children]) {
    if (old.id && !names.has(old.id)) old.remove();
  }
  for (const one of wanted) {
    const old = document.getElementById(one.id);
    if (!old) {
      list.append(one);
    } else if (old.dataset.revision !== one.dataset.revision) {
      const open = old.querySelector("details")?.open;
      const details = one.querySelector("details");
      if (details && open) details.open = true;
      old.replaceWith(one);
      one.classList.add("changed");
    }
  }
}

function seen() {
  try { return JSON.parse(localStorage.getItem("posted") || "{}"); } catch { return {}; }
}

function badges(posted) {
  const read = seen();
  for (const [name, count] of Object.entries(posted)) {
    // The first visit, and a workspace that started anew, count as read.
    if (!(name in read) || read[name] > count || (name === channel && !document.hidden)) read[name] = count;
    const badge = document.querySelector(`.sidebar a[data-channel="${name}"] .unread`);
    if (!badge) continue;
    const unread = count - read[name];
    badge.hidden = unread === 0;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.setAttribute("aria-label", `${unread} unread`);
    badge.parentElement.classList.toggle("bold", unread > 0);
  }
  try { localStorage.setItem("posted", JSON.stringify(read)); } catch { /* no storage in this frame: no badges kept */ }
}

async function refresh() {
  const answer = await fetch(`/channels/${channel}/messages`, {
    headers: { "If-None-Match": version }, cache: "no-store", signal: AbortSignal.timeout(10000),
  });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(answer.status);
  const { html, posted } = await answer.json();
  version = answer.headers.get("etag");
  replace(html);
  localTimes(list);
  days();
  badges(posted);
  toEnd();
}

// Tells the workspace what was clicked, which tells the app; Slack shows a warning beside the control when that fails.
async function click(control, chosen) {
  const { block, action } = control.dataset;
  control.disabled = true;
  control.parentElement.querySelector(".failed")?.remove();
  let failure = "";
  try {
    const answer = await fetch(`/channels/${channel}/clicks`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ts: control.closest("[data-ts]").dataset.ts, block_id: block, action_id: action, chosen }),
      signal: AbortSignal.timeout(10000),
    });
    if (!answer.ok) failure = (await answer.json()).error || String(answer.status);
  } catch {
    failure = "not connected";
  }
  control.disabled = false;
  if (control.tagName === "SELECT") control.value = "";
  if (failure && control.isConnected) {
    const note = document.createElement("span");
    note.className = "failed";
    note.setAttribute("role", "alert");
    note.textContent = `⚠ ${failure}`;
    control.after(note);
  }
  refresh().catch(() => { state.hidden = false; });
}

list.addEventListener("click", (event) => {
  const control = event.target.closest("[data-action]");
  if (control?.dataset.action && control.tagName !== "SELECT") click(control, null);
});
list.addEventListener("change", (event) => {
  if (event.target.dataset.action) click(event.target, event.target.value);
});

async function poll() {
  if (!document.hidden) {
    try {
      await refresh();
      state.hidden = true;
    } catch {
      state.hidden = false;
    }
    showDates(list);
  }
  setTimeout(poll, INTERVAL);
}

list.addEventListener("scroll", () => {
  following = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
});
list.addEventListener("load", toEnd, true);
document.addEventListener("visibilitychange", () => { version = ""; });
localTimes(document);
showDates(document);
days();
badges(Object.fromEntries([...document.querySelectorAll(".sidebar a[data-channel]")]
  .map((link) => [link.dataset.channel, Number(link.dataset.posted)])));
toEnd();
setTimeout(poll, INTERVAL);
