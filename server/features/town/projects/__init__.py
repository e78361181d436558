"""Projects: people with roles, a board of tasks, and documents that they edit together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from actors.document import MAX_DOCUMENT, MAX_PEOPLE, MAX_UPDATE, Document
from actors.document_messages import DOCUMENT
from actors.runtime import ActorId
from server.feature import Feature, Kind, PersonalData, Platform, rows_by_id
from server.features.town.project_settings import ProjectSettings
from server.features.town.projects import queries
from server.features.town.projects.comment_routes import CommentRoutes
from server.features.town.projects.comments import MAX_REPLIES, MAX_THREADS, Comments
from server.features.town.projects.document_routes import DocumentRoutes
from server.features.town.projects.documents import Documents
from server.features.town.projects.event_shapes import MAX_AWARENESS, SENT
from server.features.town.projects.projects import Projects
from server.features.town.projects.routes import ProjectRoutes
from server.features.town.projects.sockets import MAX_FOLLOWED, DocumentFollowers, Topics
from server.features.town.projects.store import MAX_DAYS, MAX_VERSIONS, DocumentRows
from server.features.town.projects.tasks import Tasks
from server.http.limits import hourly
from storage.postgres import Transaction

__all__ = ["build"]

CHANGES_PER_HOUR: Final = 3_600


def build(
    platform: Platform, *, settings: ProjectSettings, topics: Topics, when_changed: Callable[[], Awaitable[None]]
) -> Feature:
    """``when_changed``: this node need not wait to find out who may follow what."""
    rows = DocumentRows(db=platform.db)
    followers = DocumentFollowers(node=platform.node, topics=topics, publish=platform.publish)
    projects = Projects(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        when_changed=when_changed,
        most=settings.max_projects,
        most_members=settings.max_project_members,
    )
    tasks = Tasks(
        db=platform.db, ids=platform.ids, now=platform.now, projects=projects, most=settings.max_project_tasks
    )
    documents = Documents(
        db=platform.db,
        node=platform.node,
        ids=platform.ids,
        now=platform.now,
        projects=projects,
        when_changed=when_changed,
        most=settings.max_project_documents,
    )
    comments = Comments(db=platform.db, ids=platform.ids, now=platform.now, publish=platform.publish)
    rate = hourly("projects", CHANGES_PER_HOUR)

    def actor(actor_id: ActorId) -> Document:
        return Document(document_id=actor_id.key, store=rows, changed=followers.changed)

    return Feature(
        name="projects",
        operations=[
            *ProjectRoutes(projects=projects, tasks=tasks, rate=rate).operations(),
            *DocumentRoutes(documents=documents, rate=rate).operations(),
            *CommentRoutes(comments=comments, rate=rate).operations(),
        ],
        events=followers.events(),
        sent=SENT,
        closed=followers.closed,
        heeds=followers.heed,
        kinds=[Kind(name=DOCUMENT, factory=actor, mailbox=1_024)],
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=_erase),
        codes={"document_full": 409, "too_large": 413},
        limits={
            "projects": settings.max_projects,
            "project_members": settings.max_project_members,
            "project_tasks": settings.max_project_tasks,
            "project_documents": settings.max_project_documents,
            "document_bytes": MAX_DOCUMENT,
            "document_update_bytes": MAX_UPDATE,
            "document_awareness_bytes": MAX_AWARENESS,
            "document_people": MAX_PEOPLE,
            "document_versions": MAX_VERSIONS,
            "document_version_days": MAX_DAYS,
            "document_comments": MAX_THREADS,
            "document_comment_replies": MAX_REPLIES,
            "documents_per_socket": MAX_FOLLOWED,
        },
        close=followers.close,
    )


TABLES: Final = frozenset(
    {"project_members", "project_tasks", "project_documents", "project_document_updates", "project_comments"}
)
SECTIONS: Final = (
    rows_by_id(
        "projects",
        "m.project_id, p.title, m.role, m.since",
        "project_members m join projects p on p.id = m.project_id where m.person_id = $1",
        "m.project_id",
    ),
    rows_by_id(
        "project_tasks",
        "id, project_id, title, text, board_column, due_at, created_at",
        "project_tasks where (author_id = $1 or assignee_id = $1)",
    ),
    rows_by_id(
        "project_documents", "id, project_id, title, size, created_at", "project_documents where author_id = $1"
    ),
    rows_by_id(
        "project_comments", "id, document_id, thread_id, text, created_at", "project_comments where author_id = $1"
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)
