import { styleText } from 'node:util';
import type { AppOutput, DeliveryReport } from '@clickstream/kafka-client';

/** `Message delivered to user_clickstream [2] @ 17`, or why it was not: in red, if `output` shows colours. */
export function formatDelivery(report: DeliveryReport, output: AppOutput): string {
  const place = `${report.topic} [${report.partition}]`;
  return report.status === 'delivered'
    ? `Message delivered to ${place} @ ${report.offset}`
    : inRed(`Message delivery to ${place} failed: ${report.error.message}`, output);
}

/** Red on a terminal, unless NO_COLOR says otherwise. */
export function inRed(text: string, output: AppOutput): string {
  return styleText('red', text, { stream: output });
}
