import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Wellbeing = Answer<"getWellbeing">;
export type Report = Answer<"getWellbeingReport">;
export type Active = Answer<"beActive">;

export const getWellbeing = (): Promise<Wellbeing> => call("/me/wellbeing");
export const putWellbeing = (body: Body<"putWellbeing">): Promise<Wellbeing> => call("/me/wellbeing", { method: "PUT", body });
export const beActive = (): Promise<Active> => call("/me/wellbeing/active", { method: "POST" });
export const getReport = (week = ""): Promise<Report> => call(`/me/wellbeing/report${week && `?week=${week}`}`);
