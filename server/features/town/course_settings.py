"""The settings of courses."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CourseSettings(BaseModel):
    max_courses: int = Field(200, ge=1, le=10_000, description="courses that an account gives at most")
    max_course_lessons: int = Field(500, ge=1, le=5_000, description="lessons of a course at most")
    max_course_people: int = Field(20_000, ge=1, le=1_000_000, description="people enrolled in a course at most")
