import { me } from "../api/session";

/** A moderator of the server who is no admin, and so sees a part of the administration. */
export const isModerator = (user: typeof me.value): boolean =>
  Boolean(user?.roles?.includes("moderator") && !user.roles.includes("admin"));
