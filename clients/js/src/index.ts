/** A client of Social Flow: chat that misses nothing and sends safely, and the REST interface. See `Client`. */
export { Client, type ClientOptions, type Clip, type CreatedStream, type RoomOptions } from "./client.js";
export {
  ClientClosed,
  ConnectionLost,
  DeadlineExceeded,
  type FieldError,
  HttpRefused,
  Refused,
  SessionRevoked,
  SignInRequired,
  SocialFlowError,
} from "./errors.js";
export type { Message, Stream } from "./feed.js";
export type { Room, SendOptions } from "./room.js";
export type { ClientEvents, EventSchemas, Operations, Schemas, ServerEvents } from "./schema.js";
export type { Renew } from "./tokens.js";
