"""Users, blocks, and the mail that went to addresses."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models.functions import Lower
from uuid_utils.compat import uuid7

from accounts.exceptions import TooManyBlocks


class WalletAddressField(models.CharField[str | None, str | None]):
    """An address `0x…` of 40 hexadecimal digits, lower-cased wherever it is written or looked up."""

    default_validators = [RegexValidator(r"\A0x[0-9a-f]{40}\Z", "A wallet address is 0x and 40 hexadecimal digits.")]

    def to_python(self, value: Any) -> Any:
        """Lower case; nothing for an empty string, since only real addresses are unique."""
        return str(value).lower() if value else None

    def get_prep_value(self, value: Any) -> Any:
        """As it is stored."""
        prepared = super().get_prep_value(value)
        return prepared.lower() if isinstance(prepared, str) and prepared else prepared or None

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """The instance shows what is stored, without being read again."""
        value = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value


class UserManager(DjangoUserManager["User"]):
    """Finds people by their name in any case."""

    def named(self, username: str) -> models.QuerySet["User"]:
        """Who has this name; one at most."""
        # iexact would be UPPER() on PostgreSQL, which the index on LOWER() does not serve.
        return self.alias(lower_username=Lower("username")).filter(lower_username=username.lower())

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user who logs in under this name."""
        return self.named(username or "").get()


class Status(models.TextChoices):
    """How a person wants to appear; `offline` is invisible."""

    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    DND = "dnd"
    OFFLINE = "offline"


class Audience(models.TextChoices):
    """Who may see something of a person."""

    EVERYONE = "everyone"
    CONTACTS = "contacts"
    NOBODY = "nobody"


class User(AbstractUser):
    """A person, or a service that acts like one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(
        max_length=150,
        unique=True,
        validators=[ASCIIUsernameValidator()],
        help_text="150 characters or fewer: letters of ASCII, digits and @ . + - _",
    )
    # One display_name fits the names of all the world.
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(max_length=100, blank=True)
    confirmed_email = models.EmailField(
        blank=True,
        default="",
        db_default="",
        help_text="What the person has shown to be theirs. Mail goes there if it is the present address.",
    )
    avatar = models.URLField(max_length=500, blank=True, validators=[URLValidator(schemes=["http", "https"])])
    wallet_address = WalletAddressField(max_length=42, unique=True, null=True, blank=True)
    is_online = models.BooleanField(default=False, editable=False)
    # What the person has chosen to be; `is_online` is whether any device is there.
    status = models.CharField(max_length=10, choices=Status, default=Status.ONLINE, db_default=Status.ONLINE)
    status_text = models.CharField(max_length=140, blank=True, default="", db_default="")
    status_expires_at = models.DateTimeField(null=True, blank=True)
    presence_shown_to = models.CharField(
        max_length=10, choices=Audience, default=Audience.EVERYONE, db_default=Audience.EVERYONE
    )
    last_seen_shown_to = models.CharField(
        max_length=10, choices=Audience, default=Audience.EVERYONE, db_default=Audience.EVERYONE
    )
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    mail_messages = models.BooleanField("mail", default=True, help_text="Mail this person about unread messages.")
    token_generation = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    appearance: Any  # no column: how a reader sees the person, where `accounts.presence` has said so

    class Meta:
        """Names that differ only in case are one name."""

        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="accounts_user_username_lower",
                violation_error_message="This username is taken.",
            )
        ]
        indexes = [
            models.Index(
                fields=("status_expires_at",),
                condition=models.Q(status_expires_at__isnull=False),
                name="accounts_user_status_expiry",
            ),
            models.Index(
                fields=("is_online",),
                condition=models.Q(status="offline") | models.Q(presence_shown_to="nobody"),
                name="accounts_user_hidden",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        """What others call them."""
        return self.display_name or self.username

    def clean(self) -> None:
        """Both addresses are spelled alike, whoever writes them."""
        super().clean()
        self.confirmed_email = UserManager.normalize_email(self.confirmed_email)

    @property
    def mailbox(self) -> str:
        """Where mail may go: the address, if it is confirmed."""
        return self.email if self.email == self.confirmed_email else ""

    def get_full_name(self) -> str:
        """The name; Django's admin asks for it."""
        return self.name

    def get_short_name(self) -> str:
        """The name as well."""
        return self.name


class Block(models.Model):
    """One person wants nothing of another; it works in both directions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    blocker = models.ForeignKey(User, models.CASCADE, related_name="blocks_made")
    blocked = models.ForeignKey(User, models.CASCADE, related_name="blocks_received")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Once a pair, and never oneself."""

        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=("blocker", "blocked"), name="accounts_block_once"),
            models.CheckConstraint(
                condition=~models.Q(blocker=models.F("blocked")),
                name="accounts_block_others",
                violation_error_message="Nobody can block themselves.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.blocker} blocks {self.blocked}"

    def clean(self) -> None:
        """TooManyBlocks past the limit."""
        if Block.objects.filter(blocker__pk=self.blocker_id).count() >= settings.ACCOUNTS_MAX_BLOCKS:
            raise TooManyBlocks(settings.ACCOUNTS_MAX_BLOCKS)


class Letter(models.Model):
    """A mail that went to an address. So many of a kind go there in a day, and because of one person, wherever."""

    class Kind(models.TextChoices):
        """What it was about."""

        CONFIRMATION = "confirmation"
        MESSAGES = "messages"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(help_text="In lower case.")
    user = models.ForeignKey(User, models.SET_NULL, null=True, editable=False, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    sent_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """Looked for by address."""

        indexes = [models.Index(fields=("email", "kind", "sent_at"), name="accounts_letter_address")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.email}"
