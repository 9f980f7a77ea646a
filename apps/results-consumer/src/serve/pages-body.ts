import type { ClickViews } from '../core/views/click-views.ts';
import type { PageWindow } from '../core/views/page-windows.ts';

/** A window with its pages; times are null while there is no window at all. */
export type PagesBody = Omit<PageWindow, 'windowStart' | 'windowEnd'> & {
  readonly windowStart: number | null;
  readonly windowEnd: number | null;
};

const NO_WINDOW: PagesBody = {
  windowStart: null,
  windowEnd: null,
  final: false,
  usersExact: true,
  pages: [],
  complete: true,
  totalPages: 0,
  clicks: 0,
  windows: [],
};

/** The pages of a window that is known, or of none. */
export function pagesBody(views: ClickViews, windowStart: number | undefined, top: number): PagesBody {
  return (windowStart === undefined ? undefined : views.pages.window(windowStart, top)) ?? NO_WINDOW;
}
