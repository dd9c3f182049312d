/** What a conversation, as the server gives it, tells by itself. */

/** When something last happened in it, for the order of the list. */
export function activeAt({ last, lastMessageAt, createdAt }) {
  return latest(last?.createdAt, lastMessageAt, createdAt);
}

/** The id of the other one of two; null in a group, or when they have gone. */
export function peerOf({ kind, members }, me) {
  return kind === 'direct' ? (members.find(({ userId }) => userId !== me)?.userId ?? null) : null;
}

/** `owner`, `admin` or `member`; nothing for who is not in it. */
export function roleOf({ members }, userId) {
  return members.find((member) => member.userId === userId)?.role;
}

/** Owners and admins let people in. */
export function mayAdd(conversation, me) {
  return ['owner', 'admin'].includes(roleOf(conversation, me));
}

/** An owner takes out anybody, an admin plain members. */
export function mayRemove(conversation, me, { userId, role }) {
  const own = roleOf(conversation, me);
  return userId !== me && (own === 'owner' || (own === 'admin' && role === 'member'));
}

// -- of two changes the one with the higher version counts, in whatever order they come ----------------

/** All of it is said: the title, and who is in it, but for what is known of somebody since. */
export function withNews(known, said) {
  const { version, title, members } = said.version >= known.version ? said : known;
  const changes = known.changes.filter((change) => change.version > version);
  const lastMessageAt = latest(known.lastMessageAt, said.lastMessageAt) ?? null;
  return { ...known, ...said, version, title, lastMessageAt, changes, members: changes.reduce(applied, members) };
}

/** Somebody came (`member`) or went; the same conversation, if something later is known of them. */
export function withChange(conversation, { version, userId, member = null }) {
  const before = conversation.changes.find((change) => change.userId === userId)?.version ?? conversation.version;
  if (version <= before) return conversation;
  const change = { version, userId, member };
  const changes = [...conversation.changes.filter((one) => one.userId !== userId), change];
  return { ...conversation, changes, members: applied(conversation.members, change) };
}

function applied(members, { userId, member }) {
  const others = members.filter((one) => one.userId !== userId);
  return member ? [...others, member] : others;
}

function latest(...times) {
  return times.filter(Boolean).sort().at(-1);
}
