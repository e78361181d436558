/** The person's works, and the matches that they are a side of. */
import { Matches } from "./matches";
import { Works } from "./works";
import "./works.css";

export default function WorkSettings() {
  return (
    <>
      <Works />
      <Matches />
    </>
  );
}
