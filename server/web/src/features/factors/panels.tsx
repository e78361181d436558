/** What the settings of an account's security show of factors, passkeys and providers. */
import { Links } from "./links";
import { Passkeys } from "./passkeys";
import { Reauthentication } from "./reauthentication";
import { Totp } from "./totp";
import "./factors.css";

export function FactorPanels() {
  return (
    <>
      <Totp />
      <Passkeys />
      <Links />
      <Reauthentication />
    </>
  );
}
