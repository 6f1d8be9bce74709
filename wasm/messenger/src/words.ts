/** Everything the page says, and how it tells time. */
import type { PresenceEvent, Status } from "presently";

export type AnyStatus = PresenceEvent["status"];

export const STATUS: Record<AnyStatus, string> = {
  online: "Online",
  busy: "Busy",
  be_right_back: "Be right back",
  away: "Away",
  on_the_phone: "On the phone",
  out_to_lunch: "Out to lunch",
  idle: "Idle",
  appear_offline: "Appear Offline",
  offline: "Offline",
};

/** What one can choose, in the order of the menu; `idle` comes by itself. */
export const CHOICES: readonly Status[] = [
  ...(["online", "busy", "be_right_back", "away", "on_the_phone", "out_to_lunch"] as const),
  "appear_offline",
];

/** The four looks a frame can have. */
export type Look = "online" | "away" | "busy" | "offline";

export function look(status: AnyStatus): Look {
  switch (status) {
    case "online":
      return "online";
    case "busy":
    case "on_the_phone":
      return "busy";
    case "offline":
    case "appear_offline":
      return "offline";
    case "idle":
    case "away":
    case "be_right_back":
    case "out_to_lunch":
      return "away";
  }
}

/** Where a status stands in the list: those one can talk to first. */
export const RANK: Record<AnyStatus, number> = {
  online: 0,
  busy: 1,
  on_the_phone: 2,
  be_right_back: 3,
  out_to_lunch: 4,
  away: 5,
  idle: 6,
  offline: 7,
  appear_offline: 7,
};

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const timeOf = (at: number): string => clock.format(at);
export const wholeTimeOf = (at: number): string => whole.format(at);

/** "Today", "Yesterday", or the day. */
export function dayOf(at: number): string {
  const midnight = (time: number): number => new Date(time).setHours(0, 0, 0, 0);
  const ago = Math.round((midnight(at) - midnight(Date.now())) / 86_400_000);
  if (ago < -1 || ago > 0) return day.format(at);
  const word = relative.format(ago, "day");
  return word.charAt(0).toUpperCase() + word.slice(1);
}

export const unread = (n: number): string => (n === 1 ? "1 new message" : `${n} new messages`);
