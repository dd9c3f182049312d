/** What a conversation, as the server gives it, tells by itself. */

/** When something last happened in it, for the order of the list. */
export function activeAt({ last, lastMessageAt, createdAt }) {
  return [last?.createdAt, lastMessageAt, createdAt].filter(Boolean).sort().at(-1);
}

/** The id of the other one of two; null in a group, or when they have gone. */
export function peerOf({ kind, members }, me) {
  return kind === 'direct' ? (members.find(({ userId }) => userId !== me)?.userId ?? null) : null;
}

export function isOwner({ members }, userId) {
  return members.some((member) => member.userId === userId && member.role === 'owner');
}

export function withMember(conversation, member) {
  const { members } = conversation;
  const isIn = members.some(({ userId }) => userId === member.userId);
  return isIn ? conversation : { ...conversation, members: [...members, member] };
}

export function withoutMember(conversation, userId) {
  return { ...conversation, members: conversation.members.filter((member) => member.userId !== userId) };
}
