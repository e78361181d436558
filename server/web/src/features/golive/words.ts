import { catalogue } from "../../i18n/catalogue";
import en from "./en";

export const t = catalogue("golive", en);
