import { describe, expect, test, vi } from "vitest";
import { ClientsView, Sending, watchClients } from "../../src/delivery/clients.ts";
import { FewSet } from "../../src/policy/few-set.ts";
import type { GatewayClient } from "../../src/gateway/types.ts";
import { fakeClient, FakeClients } from "../support/stand-in/stand-ins.ts";

const a = fakeClient("a");
const b = fakeClient("b");
const c = fakeClient("c");

function shown(view: ClientsView): string[] {
  return [...view].map(({ connId }) => connId);
}

describe("a view of the clients", () => {
  test("the view shows all clients as they come and go", () => {
    const all = new FakeClients([a, b]);
    const view = new ClientsView(all);
    expect([shown(view), view.size]).toEqual([["a", "b"], 2]);
    all.add(c);
    all.delete(a);
    expect([shown(view), view.size]).toEqual([["b", "c"], 2]);
  });

  test("the view shows only the recipients while an event is sent, however it is walked", () => {
    const view = new ClientsView(new FakeClients([a, b, c]));
    view.narrow(new Set([b]), {}, () => {
      const visited: string[] = [];
      view.forEach(({ connId }) => visited.push(connId));
      expect(visited).toEqual(["b"]);
      expect([shown(view), view.size]).toEqual([["b"], 1]);
      expect(view.values().next().value).toBe(b);
      expect(view.keys().next().value).toBe(b);
    });
    expect(shown(view)).toEqual(["a", "b", "c"]);
  });

  test("the view shows nobody when there are no recipients", () => {
    const view = new ClientsView(new FakeClients([a, b]));
    view.narrow(new Set(), {}, () => expect([shown(view), view.size]).toEqual([[], 0]));
  });

  test("the view is wide again after an exception, which goes on to the caller", () => {
    const sending = new Sending();
    const view = new ClientsView(new FakeClients([a, b]), sending);
    const payload = {};
    expect(() =>
      view.narrow(new Set([a]), payload, () => {
        throw new Error("socket gone");
      }),
    ).toThrow("socket gone");
    expect(shown(view)).toEqual(["a", "b"]);
    expect(sending.payload).not.toBe(payload);
  });

  test("the view shows the outer recipients again after an inner event", () => {
    const view = new ClientsView(new FakeClients([a, b, c]));
    view.narrow(new Set([a]), 1, () => {
      expect(() =>
        view.narrow(new Set([b, c]), 2, () => {
          expect(shown(view)).toEqual(["b", "c"]);
          throw new Error("inner");
        }),
      ).toThrow("inner");
      expect(shown(view)).toEqual(["a"]);
    });
    expect(shown(view)).toEqual(["a", "b", "c"]);
  });

  test("the view says by identity which payload is being sent", () => {
    const sending = new Sending();
    const view = new ClientsView(new FakeClients([a]), sending);
    const payload = { text: "x" };
    expect(sending.payload).not.toBe(undefined);
    view.narrow(new Set([a]), payload, () => {
      expect(sending.payload).toBe(payload);
      view.narrow(new Set([a]), {}, () => expect(sending.payload).not.toBe(payload));
      expect(sending.payload).toBe(payload);
    });
  });

  test("the view reports for all clients whether they are connected, narrowed or not", () => {
    const view = new ClientsView(new FakeClients([a, b]));
    view.narrow(new Set([a]), {}, () => {
      expect([view.has(a), view.has(b), view.has(c)]).toEqual([true, true, false]);
    });
  });

  test("the view passes a release's own look-ups on to the real set and offers no other way around the narrowing", () => {
    const all = new FakeClients([a, b]);
    const view = new ClientsView(all) as ClientsView & FakeClients;
    const lookUp = view.getByConnectionId;
    expect(lookUp("b")).toBe(b);
    expect(view.getByConnectionIds(["a", "z"])).toEqual([a]);
    expect([view.add, view.delete]).toEqual([undefined, undefined]);
  });

  test("the view passes on the current value of the set's own property", () => {
    const all = Object.assign(new FakeClients([a]), { generation: 1 });
    const view = new ClientsView(all) as ClientsView & typeof all;
    all.generation = 2;
    expect(view.generation).toBe(2);
  });
});

describe("watching the clients", () => {
  function watched(clients: FakeClients): string[] {
    const log: string[] = [];
    watchClients(
      clients,
      ({ connId }) => log.push(`+${connId}`),
      ({ connId }) => log.push(`-${connId}`),
    );
    return log;
  }

  test("the watcher reports the clients that are already there", () => {
    expect(watched(new FakeClients([a, b]))).toEqual(["+a", "+b"]);
  });

  test("the watcher reports each client that comes or goes once the set has changed", () => {
    const clients = new FakeClients();
    const sizes: number[] = [];
    watchClients(
      clients,
      () => sizes.push(clients.size),
      () => sizes.push(clients.size),
    );
    clients.add(a);
    clients.add(b);
    clients.delete(a);
    expect(sizes).toEqual([1, 2, 1]);
  });

  test("the watcher reports every client when the set is cleared", () => {
    const clients = new FakeClients([a, b]);
    const log = watched(clients);
    clients.clear();
    expect(log).toEqual(["+a", "+b", "-a", "-b"]);
    expect(clients.size).toBe(0);
  });

  test("the watched set's methods return what they always returned", () => {
    const clients = new FakeClients();
    watched(clients);
    expect(clients.add(a)).toBe(clients);
    expect([clients.delete(a), clients.delete(a)]).toEqual([true, false]);
  });

  test("the watcher does not report a client as gone that the set still holds", () => {
    const clients = new FakeClients([a]);
    const gone = vi.fn();
    clients.delete = () => false;
    watchClients(clients, () => {}, gone);
    clients.delete(a);
    expect(gone).not.toHaveBeenCalled();
  });

  test.each([
    ["closes", 2],
    ["has closed", 3],
  ])("a client whose socket %s when it is added does not stay, and is not reported", (_, readyState) => {
    const clients = new FakeClients();
    const log = watched(clients);
    clients.add({ ...a, socket: { readyState } });
    clients.add({ ...b, socket: { readyState: 1 } });
    expect(log).toEqual(["+b"]);
    expect([...clients].map(({ connId }) => connId)).toEqual(["b"]);
  });

  test("the watcher touches only its own set", () => {
    const other = new FakeClients();
    const log = watched(new FakeClients());
    other.add(a);
    other.delete(a);
    expect(log).toEqual([]);
    expect(Object.hasOwn(Set.prototype, "add") && Set.prototype.add.name).toBe("add");
  });
});

test("the view is narrow to a walk by entries() too", () => {
  const view = new ClientsView(new FakeClients([a, b])) as ClientsView & FakeClients;
  view.narrow(new Set([a]), {}, () => expect([...view.entries()].map(([client]) => client.connId)).toEqual(["a"]));
});

describe.each([true, false])("claimers of a session in the gateway's loop, known to be connected: %s", (known) => {
  const claimers = (...clients: readonly GatewayClient[]): FewSet<GatewayClient> => {
    const few = new FewSet<GatewayClient>();
    for (const client of clients) few.add(client);
    return few;
  };
  /** A view that hears of each client that leaves its set. */
  const watchedView = (...clients: readonly GatewayClient[]): readonly [FakeClients, ClientsView] => {
    const all = new FakeClients(clients);
    const view = new ClientsView(all);
    watchClients(
      all,
      () => {},
      () => view.left(),
    );
    return [all, view];
  };
  /** Does as the gateway's loop, which asks of each recipient whether it is still connected. */
  const walked = (view: ClientsView, few: FewSet<GatewayClient>, meanwhile: (client: GatewayClient) => void) => {
    const visited: string[] = [];
    const loop = (): void => {
      for (const client of view) {
        if (!view.has(client)) continue;
        visited.push(client.connId);
        meanwhile(client);
      }
    };
    view.narrow(few, {}, loop, "chat", undefined, known);
    return visited;
  };

  test.each([[[]], [[a]], [[a, b]], [[a, b, c]]])("the loop visits each claimer once (%#)", (clients) => {
    const view = new ClientsView(new FakeClients([a, b, c]));
    const ids = clients.map(({ connId }) => connId);
    const few = claimers(...clients);
    expect([walked(view, few, () => {}), walked(view, few, () => {})]).toEqual([ids, ids]);
  });

  test("the loop does not visit a claimer whose claim has ended meanwhile", () => {
    const view = new ClientsView(new FakeClients([a, b, c]));
    const few = claimers(a, b, c);
    expect(walked(view, few, () => few.delete(b))).toEqual(["a", "c"]);
    expect(walked(view, few, () => {})).toEqual(["a", "c"]);
  });

  test.each([[[a]], [[a, b]]])("the view shows them to a walk by values(), keys() and entries() (%#)", (clients) => {
    const view = new ClientsView(new FakeClients([a, b, c]));
    const walks = () => [[...view.values()], [...view.keys()], [...view.entries()].map(([client]) => client)];
    view.narrow(claimers(...clients), {}, () => expect(walks()).toEqual([clients, clients, clients]));
  });

  test("an event that is sent while another is sent to its only claimer reaches its own claimer", () => {
    const view = new ClientsView(new FakeClients([a, b]));
    const inner: string[][] = [];
    expect(walked(view, claimers(a), () => inner.push(walked(view, claimers(b), () => {})))).toEqual(["a"]);
    expect(inner).toEqual([["b"]]);
  });

  test("a claimer that has gone while it is visited is not connected any more", () => {
    const [all, view] = watchedView(a, b);
    const connected: boolean[] = [];
    walked(view, claimers(a, b), (client) => {
      all.delete(client);
      connected.push(view.has(client));
    });
    expect(connected).toEqual([false, false]);
  });

  test("a claimer that goes while another event is sent is not connected any more either", () => {
    const [all, view] = watchedView(a, b);
    const visited = walked(view, claimers(a, b), (client) => {
      if (client === a) walked(view, claimers(a), () => all.delete(b));
    });
    expect(visited).toEqual(["a"]);
  });

  test("a claimer is not taken for connected after the loop was left in its midst", () => {
    const all = new FakeClients([a, b]);
    const view = new ClientsView(all);
    const loop = (): void => {
      for (const client of view) if (client === a) break;
    };
    view.narrow(claimers(a, b), {}, loop, "chat", undefined, known);
    all.delete(a);
    expect(view.has(a)).toBe(false);
  });
});
