// Slack's date tokens (docs.slack.dev, "Formatting message text", date formatting) in the reader's time zone and language.
// A <time> shows its data-format; without this script it shows the sender's fallback.

const DAY = 86400000;
const HALF_A_YEAR = 182.5 * DAY; // within it the year is left out
const UNITS = [["day", DAY], ["hour", 3600000], ["minute", 60000], ["second", 1000]];
const SUFFIXES = { one: "st", two: "nd", few: "rd", other: "th" };

const ordinal = new Intl.PluralRules("en", { type: "ordinal" });
const nearDay = new Intl.RelativeTimeFormat([], { numeric: "auto" });
const span = new Intl.RelativeTimeFormat([], { numeric: "always" });
const clock = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit", second: "2-digit" });
const english = clock.resolvedOptions().locale.startsWith("en");

const date = style({ month: "long", day: "numeric" });
const dateShort = style({ month: "short", day: "numeric" });
const dateLong = style({ weekday: "long", month: "long", day: "numeric" });

const TOKENS = {
  date_num: isoDay,
  date,
  date_short: dateShort,
  date_long: dateLong,
  date_pretty: pretty(date),
  date_short_pretty: pretty(dateShort),
  date_long_pretty: pretty(dateLong),
  time: (moment) => clock.format(moment),
  time_secs: (moment) => clockSeconds.format(moment),
  ago,
};

// Shows the dates under `root` as they read now: "today" and "3 minutes ago" do not stay true.
export function showDates(root) {
  const now = new Date();
  for (const time of root.querySelectorAll("time[data-format]")) {
    const moment = new Date(time.dateTime);
    const text = time.dataset.format.replace(/\{(\w+)\}/g, (_, token) => TOKENS[token](moment, now));
    // Slack begins a date with a capital letter (metacpan.org, Slack::BlockKit::Block::RichText::Date)
    const shown = text.replace(/^./u, (first) => first.toLocaleUpperCase());
    if (time.textContent !== shown) time.textContent = shown;
    time.title = moment.toLocaleString();
  }
}

function style(options) {
  const near = new Intl.DateTimeFormat([], options);
  const far = new Intl.DateTimeFormat([], { ...options, year: "numeric" });
  const th = (day) => english && options.month === "long" ? day + SUFFIXES[ordinal.select(Number(day))] : day;
  return (moment, now) => (Math.abs(moment - now) < HALF_A_YEAR ? near : far).formatToParts(moment)
    .map(({ type, value }) => type === "day" ? th(value) : value).join("");
}

function pretty(otherwise) {
  const midnight = (moment) => new Date(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return (moment, now) => {
    const days = Math.round((midnight(moment) - midnight(now)) / DAY);
    return Math.abs(days) <= 1 ? nearDay.format(days, "day") : otherwise(moment, now);
  };
}

function isoDay(moment) {
  const two = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

function ago(moment, now) {
  const passed = moment - now;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(passed) >= length) ?? UNITS.at(-1);
  return span.format(Math.trunc(passed / length), unit);
}
