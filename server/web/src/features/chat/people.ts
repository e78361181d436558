/** Who is in a room, for names that are completed: those who wrote last, then those who are here. */
import { ask } from "../../realtime/socket";

const AGE_MS = 15_000;
const MOST = 100;

export class People {
  #roomId: string;
  #present: string[] = [];
  #readAt = -Infinity;

  constructor(roomId: string) {
    this.#roomId = roomId;
  }

  /** Usernames, each once. Who is here is read again when it is older than some seconds, for the next call. */
  names(writers: readonly string[]): string[] {
    if (performance.now() - this.#readAt > AGE_MS) void this.#read();
    return [...new Set([...writers, ...this.#present])];
  }

  async #read(): Promise<void> {
    this.#readAt = performance.now();
    try {
      const { users } = await ask("presence:list", { room_id: this.#roomId, limit: MOST });
      this.#present = users.map(({ username }) => username);
    } catch {
      // Those of before are offered.
    }
  }
}
