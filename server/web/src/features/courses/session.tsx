/** A new call, in which a lesson is held. */
import CallsPage from "../calls/page";
import { holdSession } from "./calls";

export default function SessionPage({ lessonId }: { lessonId: string }) {
  return <CallsPage callId="" onBegun={(callId) => holdSession(lessonId, callId)} />;
}
