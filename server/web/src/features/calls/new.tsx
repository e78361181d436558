import CallsPage from "./page";

export default function NewCall() {
  return <CallsPage callId="" />;
}
