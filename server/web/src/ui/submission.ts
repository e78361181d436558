/** The sending of a form, without a browser: one at a time, and what the server says of its fields. */
import { signal } from "@preact/signals";
import { errorsOf, type Errors } from "./forms";

export class Submission {
  readonly errors = signal<Errors>({});
  readonly busy = signal(false);

  /** Answers whether it was refused; while one is under way nothing is sent. `known`: the fields that show their own errors. */
  async send(act: () => Promise<void>, known: readonly string[]): Promise<boolean> {
    if (this.busy.peek()) return false;
    this.busy.value = true;
    try {
      await act();
      this.errors.value = {};
      return false;
    } catch (error) {
      this.errors.value = errorsOf(error, known);
      return true;
    } finally {
      this.busy.value = false;
    }
  }
}
