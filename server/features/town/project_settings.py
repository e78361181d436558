"""The settings of projects."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ProjectSettings(BaseModel):
    max_projects: int = Field(100, ge=1, le=10_000, description="projects that an account owns at most")
    max_project_members: int = Field(200, ge=1, le=10_000, description="members of a project at most")
    max_project_tasks: int = Field(2_000, ge=1, le=100_000, description="tasks of a project at most")
    max_project_documents: int = Field(500, ge=1, le=10_000, description="documents of a project at most")
