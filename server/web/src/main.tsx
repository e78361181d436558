import { render } from "preact";
import { resumeSession, takeUpExpected } from "./api/session";
import { startLanguage } from "./i18n/catalogue";
import { followIdentity } from "./realtime/socket";
import { startRouter } from "./router";
import { App } from "./shell/app";
import "./styles/index.css";

resumeSession();
startRouter();
followIdentity();
await Promise.all([startLanguage(), takeUpExpected()]);
const root = document.getElementById("app");
if (root) render(<App />, root);
