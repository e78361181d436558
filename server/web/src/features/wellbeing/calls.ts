import { call } from "../../api/session";
import type { Answer, Body } from "../../api/types";

export type Wellbeing = Answer<"getWellbeing">;
export type Report = Answer<"getWellbeingReport">;
export type Active = Answer<"beActive">;

export const getWellbeing = (): Promise<Wellbeing> => call("/me/wellbeing");
export const putWellbeing = (body: Body<"putWellbeing">): Promise<Wellbeing> => call("/me/wellbeing", { method: "PUT", body });
export const beActive = (): Promise<Active> => call("/me/wellbeing/active", { method: "POST" });
export type Guardianships = Answer<"listGuardians">;
export type Guardianship = Guardianships["minors"][number];

export const getGuardians = (): Promise<Guardianships> => call("/me/wellbeing/guardians");
export const putMinor = (username: string, body: Body<"putMinor">): Promise<Guardianships> => call(`/me/wellbeing/minors/${encodeURIComponent(username)}`, { method: "PUT", body });
export const endGuardianship = (username: string): Promise<void> => call(`/me/wellbeing/minors/${encodeURIComponent(username)}`, { method: "DELETE" });
export const acceptGuardian = (username: string): Promise<Guardianships> => call(`/me/wellbeing/guardians/${encodeURIComponent(username)}`, { method: "PUT" });
export const declineGuardian = (username: string): Promise<void> => call(`/me/wellbeing/guardians/${encodeURIComponent(username)}`, { method: "DELETE" });
export const getReport = (week = ""): Promise<Report> => call(`/me/wellbeing/report${week && `?week=${week}`}`);
