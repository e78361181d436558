import { render } from "preact";
import { resumeSession } from "./api/session";
import { startLanguage } from "./i18n/catalogue";
import { followIdentity } from "./realtime/socket";
import { startRouter } from "./router";
import { App } from "./shell/app";
import "./styles/index.css";

resumeSession();
startRouter();
followIdentity();
await startLanguage();
const root = document.getElementById("app");
if (root) render(<App />, root);
