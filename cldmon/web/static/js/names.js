// Titles and order of windows, as the server has them. Pure.
//
// The history also has windows that no account has any more. Their names are parsed by the rules of
// cldmon/domain/windows.py; a test compares the two.

import { getReading } from "./usage.js";

const SCOPES = ["models.", "scoped."];
const WEEK = "sevenDay";
const SCOPE = " · ";

export class WindowNames {
  /** `usage` is the response of `GET /api/usage`: the known kinds, and each account's windows. */
  constructor({ windowKinds, accounts }) {
    this.ranks = new Map(windowKinds.map(({ name }, rank) => [name, rank]));
    const shown = accounts.flatMap((account) => getReading(account)?.windows ?? []);
    this.known = new Map([...windowKinds, ...shown].map((kind) => [kind.name, kind]));
    this.pools = new Map(
      accounts.map((account) => [
        account.label,
        new Set((getReading(account)?.pools ?? []).map(({ name }) => name)),
      ]),
    );
  }

  /** Return whether an account has a credit pool of this name: not a window, so not in charts. */
  isPool(label, name) {
    return this.pools.get(label)?.has(name) ?? false;
  }

  /** Return whether a window is of a kind that the server knows, or one that an account has. */
  isKnown(name) {
    return this.known.has(name);
  }

  /** Return a window's title. */
  title(name) {
    return this.#kind(name).title;
  }

  /** Return a window's title for narrow places. */
  short(name) {
    return this.#kind(name).short;
  }

  /** Return names in the order in which they are shown: known kinds first, then weeks. */
  sort(names) {
    const rank = (name) => this.ranks.get(name) ?? this.ranks.size;
    return [...names].sort(
      (a, b) =>
        rank(a) - rank(b) ||
        isOtherKind(a) - isOtherKind(b) ||
        compare(this.short(a), this.short(b)),
    );
  }

  #kind(name) {
    return this.known.get(name) ?? parseName(name);
  }
}

function parseName(name) {
  const prefix = SCOPES.find((each) => name.startsWith(each));
  if (prefix) return nameWeek(name.slice(prefix.length));
  const [camel, ...scope] = name.split(SCOPE);
  if (camel.startsWith(WEEK))
    return nameWeek([capitalize(splitCamelCase(camel.slice(WEEK.length))), ...scope].join(SCOPE));
  const short = [splitCamelCase(camel), ...scope].join(SCOPE);
  return { title: short.charAt(0).toUpperCase() + short.slice(1), short };
}

function nameWeek(scope) {
  return { title: `Weekly: ${scope} only`, short: `7d ${scope}` };
}

/** Return whether a name of an unknown kind is not that of a weekly window. */
function isOtherKind(name) {
  return ![...SCOPES, WEEK].some((prefix) => name.startsWith(prefix));
}

function splitCamelCase(camel) {
  return camel.replace(/\p{Lu}/gu, (letter) => ` ${letter.toLowerCase()}`).trim();
}

function capitalize(words) {
  return words.replace(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1));
}

function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
