"""The settings of what becomes of objects by their age, class and space."""

from __future__ import annotations

from pydantic import BaseModel, Field

_RULE = r"(uploads|videos|streams|clips)=[1-9][0-9]{0,4}:(STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|GLACIER_IR)"


class ObjectSettings(BaseModel):
    object_classes: str = Field(
        "",
        max_length=500,
        pattern=rf"^$|^{_RULE}(,{_RULE})*$",
        description="storage classes of S3 that objects move to by age in days, as "
        "`uploads=30:STANDARD_IA,streams=90:GLACIER_IR` (only classes that are read at once)",
    )
    unfinished_days: int = Field(
        7, ge=2, le=365, description="days after which S3 drops the parts of an upload to it that was never completed"
    )
    leftover_days: int = Field(
        30, ge=0, le=3_650, description="days after which objects go that no row names (0: never)"
    )
    leftover_gb: int = Field(
        0, ge=0, le=1_000_000, description="GB of such objects, above which the oldest go after a day (0: any)"
    )
