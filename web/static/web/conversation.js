/** What a conversation, as the server gives it, tells by itself. */

/** When something last happened in it, for the order of the list. */
export function activeAt({ last, lastMessageAt, createdAt }) {
  return [last?.createdAt, lastMessageAt, createdAt].filter(Boolean).sort().at(-1);
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

export function withMember(conversation, member) {
  const { members } = conversation;
  const isIn = members.some(({ userId }) => userId === member.userId);
  return isIn ? conversation : { ...conversation, members: [...members, member] };
}

export function withoutMember(conversation, userId) {
  return { ...conversation, members: conversation.members.filter((member) => member.userId !== userId) };
}
