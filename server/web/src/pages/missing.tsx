import { Empty, PageTitle, useTitle } from "../ui/parts";

interface Props {
  title?: string;
  text?: string;
}

export function Missing({ title = "There is nothing here", text = "The page has moved, or never was." }: Props) {
  useTitle(title);
  return (
    <div class="page centred">
      <PageTitle hidden>{title}</PageTitle>
      <Empty title={title} art={<span class="big-number">404</span>}>
        <p>{text}</p>
        <a class="button accent" href="/">
          See who is live
        </a>
      </Empty>
    </div>
  );
}
