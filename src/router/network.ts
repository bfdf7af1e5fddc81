/**
 * The network as its operator sees it: links by the names of the actors. Both hosts offer it as
 * `system.network`; it writes the link table, which the senders and receivers read.
 *
 * A name may be used before its actor exists: settings, cuts and groups wait for it.
 */
import type { Address } from '../../actors/ports.js';
import type { LinkSettings } from './link-settings.js';
import { PLAIN_LINK } from './link-settings.js';
import { DOWN_CUT, DOWN_DISCONNECTED, type LinkCounters, type LinkTable } from './link-table.js';
import { PRESETS, type PresetName } from './presets.js';

/** Gives each name its id, the same for as long as the system lives; made when first asked for. */
export interface Directory {
  idOf(name: Address): number;
  /** All names that have an id, in the order of their ids. */
  names(): readonly Address[];
}

/** Sums over all links. The labs count requests sent, and bytes of requests and of replies got. */
export type NetworkTotals = LinkCounters;

export class Network {
  readonly #table: LinkTable;
  readonly #directory: Directory;
  readonly #disconnected = new Set<Address>();
  #defaults: LinkSettings = PLAIN_LINK;

  constructor(table: LinkTable, directory: Directory) {
    this.#table = table;
    this.#directory = directory;
  }

  /** The host calls this once for each new name: the preset in force applies to its links. */
  added(name: Address): void {
    const id = this.#directory.idOf(name);
    for (const other of this.#directory.names()) {
      const otherId = this.#directory.idOf(other);
      this.#table.set(id, otherId, this.#defaults);
      this.#table.set(otherId, id, this.#defaults);
      this.#showDisconnected(name, other);
    }
  }

  /**
   * Cuts every link between different groups, and heals those within a group. Links of actors that
   * no group names stay as they are. Throws when a name is in two groups.
   */
  partition(groups: readonly (readonly Address[])[]): void {
    const groupOf = new Map<Address, number>();
    for (const [index, group] of groups.entries()) {
      for (const name of group) {
        if (groupOf.has(name)) throw new RangeError(`'${name}' is in two groups of the partition`);
        groupOf.set(name, index);
      }
    }
    for (const [a, groupA] of groupOf) {
      for (const [b, groupB] of groupOf) this.#cut(a, b, groupA !== groupB);
    }
  }

  /** Cuts one direction. */
  cut(from: Address, to: Address): void {
    this.#cut(from, to, true);
  }

  /** Restores one direction. */
  mend(from: Address, to: Address): void {
    this.#cut(from, to, false);
  }

  /** All links are up and all actors connected. Settings such as loss and delay stay. */
  heal(): void {
    this.#disconnected.clear();
    for (const [from, to] of this.#pairs()) {
      this.#table.setDown(from, to, DOWN_CUT | DOWN_DISCONNECTED, false);
    }
  }

  /** Takes an actor off the network, its link to itself too. It goes on running. */
  disconnect(name: Address): void {
    this.#disconnected.add(name);
    this.#directory.idOf(name);
    for (const other of this.#directory.names()) this.#showDisconnected(name, other);
  }

  /** Puts it back; its links to actors that are themselves disconnected stay down. */
  connect(name: Address): void {
    this.#disconnected.delete(name);
    this.#directory.idOf(name);
    for (const other of this.#directory.names()) this.#showDisconnected(name, other);
  }

  isConnected(name: Address): boolean {
    return !this.#disconnected.has(name);
  }

  isUp(from: Address, to: Address): boolean {
    return this.#table.isUp(this.#directory.idOf(from), this.#directory.idOf(to));
  }

  /** Changes some settings of one direction; the others stay. */
  setLink(from: Address, to: Address, settings: Partial<LinkSettings>): void {
    const fromId = this.#directory.idOf(from);
    const toId = this.#directory.idOf(to);
    this.#table.set(fromId, toId, { ...this.#table.get(fromId, toId), ...settings });
  }

  link(from: Address, to: Address): LinkSettings {
    return this.#table.get(this.#directory.idOf(from), this.#directory.idOf(to));
  }

  /** Gives all links these settings, those of later actors too. Cuts stay. */
  setAll(settings: LinkSettings): void {
    this.#defaults = settings;
    for (const [from, to] of this.#pairs()) this.#table.set(from, to, settings);
  }

  /** `setAll` with the settings of that name. */
  preset(name: PresetName): void {
    const settings = PRESETS[name];
    if (settings === undefined) {
      throw new RangeError(`no preset '${name}'; there are ${Object.keys(PRESETS).join(', ')}`);
    }
    this.setAll(settings);
  }

  counters(from: Address, to: Address): LinkCounters {
    return this.#table.counters(this.#directory.idOf(from), this.#directory.idOf(to));
  }

  /** Sums over all links that carried anything. */
  totals(): NetworkTotals {
    return this.#sum(this.#pairs());
  }

  /** Sums over all links into one actor: the labs count the calls that reach a server. */
  totalsInto(name: Address): NetworkTotals {
    const to = this.#directory.idOf(name);
    const names = this.#directory.names();
    return this.#sum(names.map((from) => [this.#directory.idOf(from), to] as const));
  }

  #sum(links: Iterable<readonly [number, number]>): NetworkTotals {
    let sum: Record<string, number> | undefined;
    for (const [from, to] of links) {
      const counters = this.#table.counters(from, to) as unknown as Record<string, number>;
      if (sum === undefined) sum = counters;
      else for (const [key, value] of Object.entries(counters)) sum[key] = (sum[key] ?? 0) + value;
    }
    return (sum ?? this.#table.counters(0, 0)) as unknown as NetworkTotals;
  }

  #cut(from: Address, to: Address, isDown: boolean): void {
    const fromId = this.#directory.idOf(from);
    this.#table.setDown(fromId, this.#directory.idOf(to), DOWN_CUT, isDown);
  }

  #showDisconnected(a: Address, b: Address): void {
    const isDown = this.#disconnected.has(a) || this.#disconnected.has(b);
    const idA = this.#directory.idOf(a);
    const idB = this.#directory.idOf(b);
    this.#table.setDown(idA, idB, DOWN_DISCONNECTED, isDown);
    this.#table.setDown(idB, idA, DOWN_DISCONNECTED, isDown);
  }

  *#pairs(): Generator<readonly [number, number]> {
    const ids = this.#directory.names().map((name) => this.#directory.idOf(name));
    for (const from of ids) for (const to of ids) yield [from, to];
  }
}
