"""What push messages and mails say of a notification, in the person's language. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.features.delivery.notifications.shapes import NotificationShape
from server.features.people.relations import PersonShape

MAX_TITLE: Final = 120
MAX_BODY: Final = 240

ENGLISH: Final = {
    "follow": "{who} followed you",
    "follow_request": "{who} asked to follow you",
    "follow_approved": "{who} lets you follow them now",
    "mention": "{who} mentioned you",
    "reply": "{who} replied to your post",
    "quote": "{who} quoted your post",
    "repost": "{who} reposted your post",
    "reaction": "{who} reacted to your post",
    "stream_started": "{who} is live",
    "stream_scheduled": "{who} announced a stream",
    "stream_reminder": "{who} goes live soon",
    "conversation_request": "{who} would like to write to you",
    "message": "{who} wrote to you",
    "community": "News from {who} in a community",
    "community_request": "{who} asks to join your community",
    "community_approved": "{who} let you into a community",
    "community_invited": "{who} invites you to a community",
    "community_role": "{who} gave you a role in a community",
    "community_event": "{who} announced an event",
    "community_event_soon": "An event begins soon",
    "webhook_disabled": "A webhook of yours was switched off: nothing was taken for a day",
    "recording_expiring": "A recording of yours will be removed within a week",
    "subscription_unpaid": "The next month of a subscription of yours was not paid",
    "moderation": "Moderators have decided about you or something of yours",
    "order": "Something has become of an order of yours",
    "order_paid": "Your order is paid",
    "order_sold": "You have sold something: it waits to be shipped",
    "order_shipped": "Your order is on its way",
    "order_received": "An order is received, and its seller has the money",
    "order_cancelled": "An order is called off",
    "order_refunded": "The money of an order has gone back to its buyer",
    "order_disputed": "A buyer says that something is wrong with an order: answer in time",
    "order_contested": "The seller has answered what you said of an order",
    "order_decided": "Moderators have decided about an order",
    "match": "There is news of a work that was found",
    "match_credit": "A work of another is in something of yours, and its owner shares the revenue",
    "match_mute": "A work of another is in something of yours: that part is silent",
    "match_block": "A work of another is in something of yours, which nobody else is shown now",
    "match_disputed": "Somebody disputes a match of your work: answer in time",
    "match_upheld": "The owner of a work keeps a match that you disputed",
    "match_withdrawn": "A match is withdrawn: what was done because of it is taken back",
    "": "{who} did something that concerns you",
}
ARABIC: Final = {
    "follow": "تابعك {who}",
    "follow_request": "طلب {who} متابعتك",
    "follow_approved": "قبل {who} طلب متابعتك",
    "mention": "ذكرك {who}",
    "reply": "رد {who} على منشورك",
    "quote": "اقتبس {who} منشورك",
    "repost": "أعاد {who} نشر منشورك",
    "reaction": "تفاعل {who} مع منشورك",
    "stream_started": "{who} على الهواء الآن",
    "stream_scheduled": "أعلن {who} عن بث",
    "stream_reminder": "{who} على الهواء قريبًا",
    "conversation_request": "يود {who} مراسلتك",
    "message": "راسلك {who}",
    "community": "جديد من {who} في مجتمع",
    "community_request": "يطلب {who} الانضمام إلى مجتمعك",
    "community_approved": "قبلك {who} في مجتمع",
    "community_invited": "يدعوك {who} إلى مجتمع",
    "community_role": "منحك {who} دورًا في مجتمع",
    "community_event": "أعلن {who} عن فعالية",
    "community_event_soon": "تبدأ فعالية قريبًا",
    "webhook_disabled": "أُوقف أحد الويب هوك لديك: لم يُستلم شيء منذ يوم",
    "recording_expiring": "سيُحذف أحد تسجيلاتك خلال أسبوع",
    "subscription_unpaid": "لم يُدفع الشهر التالي من أحد اشتراكاتك",
    "moderation": "قرر المشرفون بشأنك أو بشأن شيء لك",
    "order": "هناك جديد في أحد طلباتك",
    "order_paid": "دُفع ثمن طلبك",
    "order_sold": "بعت شيئًا، وهو بانتظار الشحن",
    "order_shipped": "طلبك في الطريق إليك",
    "order_received": "استُلم الطلب وصار المال للبائع",
    "order_cancelled": "أُلغي أحد الطلبات",
    "order_refunded": "أُعيد مال الطلب إلى المشتري",
    "order_disputed": "يقول المشتري إن هناك مشكلة في الطلب: أجب قبل انتهاء المهلة",
    "order_contested": "رد البائع على ما قلته عن الطلب",
    "order_decided": "قرر المشرفون بشأن أحد الطلبات",
    "match": "هناك جديد بشأن عمل عُثر عليه",
    "match_credit": "في شيء نشرته عمل لغيرك، وصاحبه يشاركك الإيراد",
    "match_mute": "في شيء نشرته عمل لغيرك: كُتم صوت ذلك الجزء",
    "match_block": "في شيء نشرته عمل لغيرك، ولم يعد يظهر لسواك",
    "match_disputed": "هناك من يعترض على تطابق لعملك: أجب قبل انتهاء المهلة",
    "match_upheld": "أبقى صاحب العمل التطابق الذي اعترضت عليه",
    "match_withdrawn": "سُحب التطابق، وأُلغي ما ترتب عليه",
    "": "قام {who} بشيء يخصك",
}
SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH, "ar": ARABIC}
AND_MORE: Final = "{who} (+{n})"


def sentence(shape: NotificationShape, language: str) -> str:
    """One line, at most ``MAX_TITLE`` characters."""
    said = SENTENCES.get(language, ENGLISH)
    who = _name(shape.people[0]) if shape.people else "—"
    if shape.count > 1:
        who = AND_MORE.format(who=who, n=shape.count - 1)
    named = shape.subject.type if shape.subject is not None and shape.subject.type in said else shape.kind
    return said.get(named, said[""]).format(who=who)[:MAX_TITLE]


def about(shape: NotificationShape) -> str:
    """The title of its subject, at most ``MAX_BODY`` characters; empty without one."""
    return shape.subject.title[:MAX_BODY] if shape.subject is not None else ""


def path_of(shape: NotificationShape) -> str:
    """The page that the notification leads to."""
    if shape.subject is not None:
        return shape.subject.path
    return f"/@{shape.people[0].username}" if len(shape.people) == 1 else "/notifications"


def _name(person: PersonShape) -> str:
    """Bounded, so that what follows it is still seen."""
    return (person.display_name or person.username)[:60]
