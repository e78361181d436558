/** How a mirror of a room asks the server. */
import { ask, AskError, connection } from "../../realtime/socket";

export const mirrorPort = {
  ask: <T,>(event: string, body: object) => ask(event as "chat:join", body as never) as Promise<unknown> as Promise<T>,
  isUnanswered: (error: unknown) => error instanceof AskError && error.isUnanswered,
  retryAfterMs: (error: unknown) => (error instanceof AskError ? error.retryAfterMs : null),
  isOnline: () => connection.peek() === "online",
};
