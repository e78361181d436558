/** What moderators write behind a slash: parsed here, carried out by the panel. */

export type Order =
  | { event: "chat:mode"; mode: Record<string, number | boolean | null> }
  | { event: "chat:timeout" | "chat:ban" | "chat:unban" | "chat:purge"; username: string; seconds?: number; reason?: string }
  | { event: "chat:role"; username: string; role: "moderator" | "vip" | null }
  | { event: "chat:clear" }
  | { event: "chat:announce"; text: string };

export type Parsed = { order: Order } | { usage: string } | null;

/** How each is written. */
export const USAGE: Readonly<Record<string, string>> = {
  slow: "/slow [30 | off]",
  followers: "/followers [10m | off]",
  subscribers: "/subscribers [off]",
  emotes: "/emotes [off]",
  unique: "/unique [off]",
  shield: "/shield [off]",
  timeout: "/timeout @name [10m] [reason]",
  ban: "/ban @name [reason]",
  unban: "/unban @name",
  purge: "/purge @name",
  clear: "/clear",
  announce: "/announce text",
  mod: "/mod @name",
  unmod: "/unmod @name",
  vip: "/vip @name",
  unvip: "/unvip @name",
};

const SWITCHES: Readonly<Record<string, string>> = {
  subscribers: "subscribers_only",
  emotes: "emotes_only",
  unique: "unique",
  shield: "shield",
};
const ROLES: Readonly<Record<string, "moderator" | "vip" | null>> = { mod: "moderator", unmod: null, vip: "vip", unvip: null };
const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86400 };
const USERNAME = /^@?([A-Za-z0-9_]{3,30})$/;

/** 90, 90s, 10m, 2h, 1d: in seconds; null for anything else. */
export function seconds(text: string): number | null {
  const found = /^(\d{1,7})([smhd]?)$/.exec(text);
  return found ? Number(found[1]) * (UNITS[found[2] ?? ""] ?? 1) : null;
}

/** Null for what is no command of moderators: it is a message. */
export function parseCommand(text: string): Parsed {
  const found = /^\/([a-z]+)(?:\s+([\s\S]*))?$/.exec(text.trim());
  const name = found?.[1] ?? "";
  const usage = Object.hasOwn(USAGE, name) ? USAGE[name] : undefined;
  if (!usage) return null;
  const order = orderOf(name, (found?.[2] ?? "").trim());
  return order ? { order } : { usage };
}

function orderOf(name: string, rest: string): Order | null {
  const [first = "", ...words] = rest.split(/\s+/);
  if (name === "clear") return rest ? null : { event: "chat:clear" };
  if (name === "announce") return rest ? { event: "chat:announce", text: rest } : null;
  if (name in SWITCHES || name === "slow" || name === "followers") return words.length ? null : modeOf(name, first);
  const username = USERNAME.exec(first)?.[1];
  if (!username) return null;
  if (name in ROLES) return { event: "chat:role", username, role: ROLES[name] ?? null };
  return sanctionOf(name, username, words);
}

function modeOf(name: string, argument: string): Order | null {
  const isOff = argument === "off";
  const change = SWITCHES[name];
  if (change) return argument && !isOff ? null : { event: "chat:mode", mode: { [change]: !isOff } };
  const given = argument ? seconds(argument) : name === "slow" ? 30 : 0;
  if (!isOff && given === null) return null;
  if (name === "slow") return { event: "chat:mode", mode: { slow_seconds: isOff ? 0 : given } };
  return { event: "chat:mode", mode: { followers_only_seconds: isOff ? null : given } };
}

function sanctionOf(name: string, username: string, words: string[]): Order {
  if (name === "unban" || name === "purge") return { event: `chat:${name}`, username };
  if (name === "ban") return { event: "chat:ban", username, reason: words.join(" ") };
  const given = seconds(words[0] ?? "");
  return { event: "chat:timeout", username, seconds: given ?? 600, reason: words.slice(given === null ? 0 : 1).join(" ") };
}

export interface Known {
  names: () => Iterable<string>;
  /** Names of emotes. */
  emotes: Iterable<string>;
  mayModerate: boolean;
}

/** What the last word of a text may become: names after `@`, emotes after `:`, commands after a slash at the beginning. */
export function completions(text: string, { names, emotes, mayModerate }: Known): string[] {
  const command = /^\/([a-z]*)$/.exec(text);
  if (command) return mayModerate ? starting(Object.keys(USAGE), command[1] ?? "").map((name) => `/${name} `) : [];
  const emote = /(?:^|[\s:]):([A-Za-z0-9_]+)$/.exec(text);
  if (emote) {
    const before = text.slice(0, text.length - (emote[1]?.length ?? 0));
    return starting(emotes, emote[1] ?? "").map((name) => `${before}${name}: `);
  }
  const mention = /(?:^|\s)@([A-Za-z0-9_]*)$/.exec(text);
  if (!mention) return [];
  const kept = text.slice(0, text.length - (mention[1]?.length ?? 0));
  return starting(names(), mention[1] ?? "").map((name) => `${kept}${name} `);
}

const MAX_OFFERED = 6;

function starting(words: Iterable<string>, prefix: string): string[] {
  const wanted = prefix.toLowerCase();
  return [...words].filter((word) => word.toLowerCase().startsWith(wanted)).slice(0, MAX_OFFERED);
}
