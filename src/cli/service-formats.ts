import type { Message, PayloadFormat } from 'signalbox/payloads'

/** An event as Stripe sends it, with the words of the message as its object. */
export const stripeFormat: PayloadFormat = {
  name: 'stripe',
  build: (message) => ({
    contentType: 'application/json; charset=utf-8',
    body: JSON.stringify({
      id: `evt_${message.id.slice(message.id.indexOf('_') + 1)}`,
      object: 'event',
      created: Math.floor(message.timestamp / 1000),
      livemode: false,
      type: typeOf(message),
      data: { object: wordsOf(message) },
    }),
  }),
}

/** A delivery as GitHub sends it: the event's name and the delivery's id are headers. */
export const githubFormat: PayloadFormat = {
  name: 'github',
  build: (message) => ({
    contentType: 'application/json',
    body: JSON.stringify(wordsOf(message)),
    headers: { 'x-github-event': typeOf(message), 'x-github-delivery': message.id },
  }),
}

function typeOf(message: Message): string {
  return message.kind === 'event' ? message.event.type : message.kind
}

function wordsOf(message: Message): object {
  switch (message.kind) {
    case 'event': {
      const { title, body, href, metadata } = message.event
      return { title, body, href, ...metadata }
    }
    case 'test':
      return { title: message.title, body: message.body, href: message.href }
    case 'digest':
      return { title: message.subject, href: message.href, total: message.total }
  }
}
